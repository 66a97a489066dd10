// A person's browser, without its looks: keeps cookies, follows redirects, reads forms and sends them.

import assert from "node:assert/strict";

export class Person {
  #cookies = new Map();

  async open(url) {
    return this.#go(new URL(url), {});
  }

  /** Follows a link of a page. */
  async follow(page, part) {
    const link = [...page.html.matchAll(/href="([^"]+)"/g)].map((found) => unescaped(found[1]));
    const target = link.find((url) => url.includes(part));
    assert.ok(target, `no link with ${part} on ${page.url}: ${page.text}`);
    return this.open(new URL(target, page.url));
  }

  /** Sends the page's first form, with these fields filled in. `stopAt` is where no redirect is followed any more. */
  async send(page, fields = {}, stopAt = undefined) {
    const form = page.html.match(/<form\b[^>]*method="post"[^>]*>[\s\S]*?<\/form>/i)?.[0];
    assert.ok(form, `no form on ${page.url}: ${page.text}`);
    const action = unescaped(form.match(/action="([^"]*)"/)[1]);
    const body = new URLSearchParams();
    for (const [input] of form.matchAll(/<input\b[^>]*>/g)) {
      const name = input.match(/name="([^"]*)"/)?.[1];
      if (name) body.set(name, unescaped(input.match(/value="([^"]*)"/)?.[1] ?? ""));
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const url = new URL(action, page.url);
    return this.#go(url, { method: "POST", body, headers: { origin: url.origin } }, stopAt);
  }

  async #go(url, { method = "GET", body, headers = {} }, stopAt) {
    for (let hops = 0; hops < 12; hops += 1) {
      const cookie = this.#cookiesFor(url);
      const answer = await fetch(url, {
        method,
        body,
        headers: { ...headers, ...(cookie && { cookie }) },
        redirect: "manual",
      });
      answer.headers.getSetCookie().forEach((line) => this.#keep(line, url));
      const location = answer.headers.get("location");
      if (!location) return page(url, answer.status, await answer.text());
      await answer.body?.cancel();
      url = new URL(location, url);
      if (stopAt && url.pathname === stopAt) return { url };
      [method, body, headers] = ["GET", undefined, {}];
    }
    throw new Error(`too many redirects, the last to ${url}`);
  }

  #cookiesFor(url) {
    const fits = (path) => url.pathname === path || url.pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
    const sent = [...this.#cookies.values()].filter((one) => fits(one.path));
    return sent.map((one) => `${one.name}=${one.value}`).join("; ");
  }

  #keep(line, url) {
    const [pair, ...attributes] = line.split(/;\s*/);
    const name = pair.slice(0, pair.indexOf("="));
    const value = pair.slice(name.length + 1);
    const attribute = (wanted) => attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.split("=")[1];
    const path = attribute("path") ?? url.pathname;
    const expires = attribute("expires");
    const gone = attribute("max-age") === "0" || (expires && Date.parse(expires) < Date.now());
    if (gone) this.#cookies.delete(`${name} ${path}`);
    else this.#cookies.set(`${name} ${path}`, { name, value, path });
  }
}

function page(url, status, html) {
  const main = html.replace(/<(script|style)[\s\S]*?<\/\1>/g, "");
  const text = unescaped(main.replace(/<[^>]*>/g, " ")).replace(/\s+/g, " ").trim();
  return { url, status, html, text };
}

const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

const unescaped = (text) =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return NAMED[name] ?? all;
  });

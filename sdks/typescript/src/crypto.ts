// Finds Web Crypto: everywhere a global, but in Node 18 behind a flag.

/** Web Crypto of this runtime. */
export async function webCrypto(): Promise<Crypto> {
  if (globalThis.crypto?.subtle !== undefined) return globalThis.crypto;
  // Not a literal: bundlers for browsers and edge runtimes would look for the module.
  const name = "node:crypto";
  const module = await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  return module.webcrypto as Crypto;
}

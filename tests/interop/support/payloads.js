// JSON texts full of traps: all of them are taken by Panora, few of them are easy.

const NAMES = [
  "10", "9", "0", "-1", "01", "1e2", "4294967295", "9007199254740993", "", " ", "a", "A", "aa", "toJSON", "__proto__",
  "constructor", "hasOwnProperty", "length", "\ufb33", "\uffff", "\ue000", "\u{10000}", "\u{1f600}", "\u{10ffff}",
  "\u00f6", "o\u0308", "\u20ac", "\r", "\u0080", "\u2028", '"', "\\", "/",
];
const CHARACTERS = [
  ..."aZ09 /\"\\\b\f\n\r\t\u0001\u001f\u007f\u0080\u00e9",
  ..."\u2028\u2029\ufeff\ufffd\uffff\ufb33\u{1f600}\u{10000}\u{10ffff}",
];

/** Numbers that stay numbers, in several spellings. */
const KEPT = [
  "0", "-0", "-0.0", "0e5", "1", "1.0", "-1.50", "1e2", "1E+2", "100e-2", "0.1", "1e21", "1e-7", "0.000001", "5e-324",
  "1.7976931348623157e308", "9007199254740991", "9007199254740992", "-9007199254740994", "100000000000000000000",
  "1000000000000000000000", "295147905179352830000", "123456789012345680000", "0.30000000000000004", "1e23",
];
/** Numbers that become strings: no double says the same. */
const CONVERTED = [
  "9007199254740993", "-9007199254740993", "18446744073709551615", "12345678901234567890123", "1e400", "-1e400",
  "1e-400", "0.1000000000000000055511151231257827", "3.14159265358979323846",
];

/** `\uXXXX` for each code unit. */
function escaped(character, upperCase) {
  const hex = character.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
  return hex.map((digits) => `\\u${upperCase ? digits.toUpperCase() : digits}`).join("");
}

/** A payload: its text, and whether a double says each of its numbers. */
export function newPayload(random) {
  let exact = true;

  function string(content) {
    const upperCase = random.chance(50);
    let text = "";
    for (const character of content) {
      const must = character < " " || character === '"' || character === "\\";
      if (!must && random.chance(80)) text += character;
      else if (character === "/" || character === '"' || character === "\\") text += `\\${character}`;
      else text += escaped(character, upperCase);
    }
    return `"${text}"`;
  }

  const content = () => Array.from({ length: random.below(8) }, () => random.pick(CHARACTERS)).join("");

  function number() {
    if (random.chance(5)) {
      exact = false;
      return random.pick(CONVERTED);
    }
    if (random.chance(50)) return random.pick(KEPT);
    const double = new Float64Array(Uint32Array.of(random.bits(), random.bits()).buffer)[0];
    return Number.isFinite(double) ? String(double) : "0";
  }

  function array(levels) {
    return `[${Array.from({ length: random.below(5) }, () => value(levels)).join(space())}]`;
  }

  function object(levels) {
    const name = () => (random.chance(70) ? random.pick(NAMES) : content());
    const names = new Set(Array.from({ length: random.below(7) }, name));
    return `{${[...names].map((name) => `${string(name)}:${value(levels)}`).join(space())}}`;
  }

  const space = () => random.pick([",", ", ", "\t,\r", " , "]);

  function value(levels) {
    const kind = levels === 0 ? random.below(4) : random.below(8);
    if (kind === 0) return random.pick(["null", "true", "false"]);
    if (kind === 1) return string(content());
    if (kind < 4) return number();
    return kind < 6 ? array(levels - 1) : object(levels - 1);
  }

  function deep() {
    const opened = Array.from({ length: 32 }, () => random.pick(["[", '{"a":']));
    const closed = opened.map((mark) => (mark === "[" ? "]" : "}")).reverse();
    return `${opened.join("")}0${closed.join("")}`;
  }

  const text = random.chance(5) ? deep() : value(5);
  return { text, exact };
}

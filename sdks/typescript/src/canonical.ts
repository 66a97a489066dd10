// Canonical JSON (RFC 8785) of parsed values. It must never write two texts for the same value, call into the
// value (`toJSON`, `toString`), or rely on the order of an object's keys: engines move integer-like keys first.

/** Deeper than any event, shallower than any engine's stack. */
const MAX_LEVELS = 1000;

/** Thrown for what JSON cannot say. */
export class CanonicalJsonError extends TypeError {
  override readonly name = "CanonicalJsonError";
}

/**
 * The canonical text of a parsed JSON value: keys sorted by UTF-16 code units, numbers as ECMAScript writes them,
 * no spaces.
 *
 * @throws {CanonicalJsonError} for what is not JSON: `undefined`, functions, `NaN`, lone surrogates, cycles, and
 * more than 1,000 levels.
 */
export function canonicalJson(value: unknown): string {
  return write(value, new Set());
}

function write(value: unknown, ancestors: Set<object>): string {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "number":
      if (!Number.isFinite(value)) throw new CanonicalJsonError("a number is not finite");
      return JSON.stringify(value); // -0 is written as 0
    case "boolean":
      return value ? "true" : "false";
    case "object":
      return value === null ? "null" : writeContainer(value, ancestors);
    default:
      throw new CanonicalJsonError(`JSON has no ${typeof value}`);
  }
}

function writeContainer(container: object, ancestors: Set<object>): string {
  if (ancestors.has(container)) throw new CanonicalJsonError("an object contains itself");
  if (ancestors.size === MAX_LEVELS) throw new CanonicalJsonError("it is nested deeper than 1,000 levels");
  ancestors.add(container);
  const text = Array.isArray(container) ? writeArray(container, ancestors) : writeObject(container, ancestors);
  ancestors.delete(container);
  return text;
}

function writeArray(items: unknown[], ancestors: Set<object>): string {
  // Not `map`, which skips holes.
  const written: string[] = [];
  for (let index = 0; index < items.length; index += 1) written.push(write(items[index], ancestors));
  return `[${written.join(",")}]`;
}

function writeObject(object: object, ancestors: Set<object>): string {
  const fields = object as Record<string, unknown>;
  // The default order of `sort` is that of UTF-16 code units.
  const names = Object.keys(fields).sort();
  const written = names.map((name) => `${writeString(name)}:${write(fields[name], ancestors)}`);
  return `{${written.join(",")}}`;
}

function writeString(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new CanonicalJsonError("a string holds half of a surrogate pair");
  return JSON.stringify(text);
}

/**
 * Joins the parts of a key, as Callboard does for an actor whose requests have several
 * key fields: `key("eu", "alice")` is `eu/alice`.
 *
 * A single part is the key as it is. Of several, each has `%` written as `%25` and `/`
 * as `%2F`, so that different parts never make the same key. Numbers are their decimal
 * digits.
 *
 * The gateway refuses a key that has not 1 to 1,024 bytes of UTF-8, or a control
 * character.
 */
export function key(...parts: [KeyPart, ...KeyPart[]]): string {
  if (parts.length === 1) return String(parts[0]);
  return parts.map(escaped).join("/");
}

/** A part of a key: a text, or an integer. */
export type KeyPart = string | number | bigint;

function escaped(part: KeyPart): string {
  return String(part).replaceAll("%", "%25").replaceAll("/", "%2F");
}

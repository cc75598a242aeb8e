// A claim of a JSON Web Token (RFC 7519), for placement only: nothing is verified here, the application does that.

import { text } from "portolan-policy";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A claim that is a text, an integer or a truth value, as text. */
export function claimOf(authorization, claim) {
  const [, token] = /^bearer +(.*)$/is.exec(text(authorization)?.trim() ?? "") ?? [];
  const claims = parsed(text(base64url(token?.split(".")[1])));
  if (typeof claims !== "object" || claims === null || !Object.hasOwn(claims, claim)) return undefined;
  const value = claims[claim];
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** RFC 4648, section 5, without padding as RFC 7515 has it. */
function base64url(letters) {
  // A single letter left over holds no byte.
  if (letters === undefined || letters.length % 4 === 1 || /[^A-Za-z0-9_-]/.test(letters)) return undefined;
  const bytes = new Uint8Array((letters.length * 3) >> 2);
  let [bits, held, length] = [0, 0, 0];
  for (const letter of letters) {
    bits = ((bits << 6) | LETTERS.indexOf(letter)) & 0xffff;
    held += 6;
    if (held >= 8) bytes[length++] = bits >> (held -= 8);
  }
  return bytes;
}

/** JSON in which an integer of 64 bits is a text, for a number here has 53; any other number is nothing. */
function parsed(json) {
  try {
    return JSON.parse(json, (_, value, { source }) => (typeof value === "number" ? integer(source) : value));
  } catch {
    return undefined;
  }
}

function integer(source) {
  const number = /^(0|-?[1-9][0-9]*)$/.test(source) ? BigInt(source) : null;
  return number !== null && number >= -(2n ** 63n) && number < 2n ** 64n ? source : null;
}

// Bytes and texts: QuickJS has neither TextEncoder nor TextDecoder. Pure.

/** The bytes of a text in UTF-8; bytes stay what they are. */
export function octets(value) {
  if (value instanceof Uint8Array) return value;
  const string = String(value);
  const bytes = new Uint8Array(string.length * 3);
  let length = 0;
  for (const character of string) {
    const code = character.codePointAt(0);
    if (code < 0x80) {
      bytes[length++] = code;
      continue;
    }
    // Half of a pair of surrogates is no character.
    const point = code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
    const more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    bytes[length++] = ((0xff00 >> (more + 1)) & 0xff) | (point >> (6 * more));
    for (let place = more - 1; place >= 0; place--) bytes[length++] = 0x80 | ((point >> (6 * place)) & 0x3f);
  }
  return bytes.slice(0, length);
}

/** The text of bytes in UTF-8, or `undefined` when they are none. */
export function text(bytes) {
  if (bytes === undefined || bytes === null) return undefined;
  let string = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at++];
    if (lead < 0x80) {
      string += String.fromCharCode(lead);
      continue;
    }
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || at + more > bytes.length) return undefined;
    let point = lead & (0x3f >> more);
    for (let place = 0; place < more; place++) {
      const byte = bytes[at++];
      if ((byte & 0xc0) !== 0x80) return undefined;
      point = (point << 6) | (byte & 0x3f);
    }
    const least = [0, 0x80, 0x800, 0x10000][more];
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return undefined;
    string += String.fromCodePoint(point);
  }
  return string;
}

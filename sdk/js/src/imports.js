// What the contract's imports have in common: why nothing was done. Pure.

/** Nothing was done; `code` is the contract's name of why. */
export class Refusal extends Error {
  constructor(from, code) {
    super(`${from}: ${code}`);
    this.code = code;
  }
}

/** What the bindings throw is the contract's error, as it is or as the payload of an error of theirs. */
export function asked(Refused, call) {
  try {
    return call();
  } catch (error) {
    const code = typeof error === "string" ? error : error?.payload;
    throw typeof code === "string" ? new Refused(code) : error;
  }
}

// Looks up what the manifest declares in `lookups`. A policy that imports this file has imports = ["view"] in its policy.toml.

import view from "portolan:policy/view";
import { Refusal, asked } from "./imports.js";
import { text } from "./octets.js";

/** Why there is no answer; `code` is the contract's name of it. */
export class ViewError extends Refusal {
  constructor(code) {
    super("view", code);
    this.name = "ViewError";
  }
}

export function lookupAt(place) {
  return asked(ViewError, () => view.field(place)) ?? undefined;
}

export function lookup(request, name) {
  return lookupAt(request.lazyPlace(name));
}

export function lookupText(request, name) {
  try {
    return text(lookup(request, name));
  } catch (error) {
    if (error instanceof ViewError) return undefined;
    throw error;
  }
}

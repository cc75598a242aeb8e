// How a region is named and coloured, so that the map, the strip and the cards agree.
// Pure. Used by every component that shows a region.

import type { Demo, Region } from "./types";

/** Region's title, or its name when /demo.json does not know it. */
export function titleOf(demo: Demo, name: string): string {
  return demo.regions.find((region) => region.name === name)?.title ?? name;
}

/** Colour of a region by its order in /demo.json, as a class of styles.css. */
export function toneOf(demo: Demo, name: string): string {
  const index = demo.regions.findIndex((region) => region.name === name);
  return index < 0 ? "tone-other" : `tone-${(index % 3) + 1}`;
}

/** One letter for a region, so that colour is never the only sign. */
export function letterOf(demo: Demo, name: string): string {
  return titleOf(demo, name).charAt(0).toUpperCase();
}

export function regionOf(demo: Demo, name: string | undefined): Region | undefined {
  return demo.regions.find((region) => region.name === name);
}

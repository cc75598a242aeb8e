// The shapes the page works with: what /demo.json says, what the application answers, what one request gave.
// Types only. Imported everywhere.

export interface Place {
  latitude: number;
  longitude: number;
}

/** One region as /demo.json describes it. */
export interface Region {
  name: string;
  title: string;
  location: Place;
  /** Base address of the region's switch. */
  control: string;
}

/** /demo.json, written by the demo command at start. */
export interface Demo {
  pop: { name: string; title: string; location: Place };
  regions: Region[];
  admin?: string;
}

export interface Move {
  from: string;
  to: string;
  reason: string;
  at: number;
}

export interface Session {
  id: string;
  created_in: string;
  visits: number;
  cart: string[];
  moved: Move[];
  found: "here" | "came-along" | "new";
}

/** Who answered, as every answer of the application says. */
export interface Where {
  region: string;
  endpoint: string;
  pop: string | null;
  country: string | null;
}

/** Answer of /api/whoami and /api/cart. */
export interface Whoami extends Where {
  session: Session;
  request: Record<string, string>;
}

/** Answer of /api/goods, the same for everybody. */
export interface Goods {
  goods: { name: string; price: number }[];
  region: string;
  endpoint: string;
  /** When it was made, milliseconds since 1970. */
  made_at: number;
}

/** One request of the live strip. */
export interface Sample {
  number: number;
  at: number;
  tookMs: number;
  outcome: { ok: true; region: string; endpoint: string } | { ok: false; why: string };
}

export type RegionState = "on" | "off" | "gone" | "unknown";

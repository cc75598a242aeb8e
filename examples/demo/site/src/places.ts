// The places a visitor can pretend to be in: for each a public address that country data puts there.
// Data only. The address goes out as X-Forwarded-For, which the demo's PoP believes from this machine.

import type { Place } from "./types";

export interface Visitor extends Place {
  id: string;
  title: string;
  /** Absent: the page's own address, whose place nobody knows. */
  address?: string;
}

export const VISITORS: Visitor[] = [
  { id: "DE", title: "Germany", address: "91.10.0.1", latitude: 51.2, longitude: 10.4 },
  { id: "GB", title: "United Kingdom", address: "81.2.69.142", latitude: 52.5, longitude: -1.5 },
  { id: "US", title: "United States", address: "12.0.0.1", latitude: 39.8, longitude: -98.6 },
  { id: "BR", title: "Brazil", address: "177.32.0.1", latitude: -10.8, longitude: -52.9 },
  { id: "JP", title: "Japan", address: "126.0.0.1", latitude: 36.2, longitude: 138.3 },
  { id: "IN", title: "India", address: "49.32.0.1", latitude: 22.9, longitude: 79.6 },
  { id: "AU", title: "Australia", address: "1.128.0.1", latitude: -25.7, longitude: 134.5 },
  { id: "ZA", title: "South Africa", address: "105.0.0.1", latitude: -29.0, longitude: 25.1 },
];

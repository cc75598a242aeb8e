// The map: land as dots, the regions with their state, the visitor, the PoP and the way the last request took.
// Draws what it is given. Used by App.

import { useMemo } from "react";
import { MAP_HEIGHT, MAP_WIDTH, landCells, project } from "./land";
import { titleOf, toneOf } from "./regions";
import type { Demo, Place, RegionState } from "./types";

interface Props {
  demo: Demo;
  states: Record<string, RegionState>;
  visitor: (Place & { title: string }) | null;
  answering: string | undefined;
}

function arc(from: [number, number], to: [number, number]): string {
  const lift = Math.min(10, Math.hypot(to[0] - from[0], to[1] - from[1]) * 0.22);
  const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2 - lift];
  return `M${from[0]} ${from[1]} Q${middle[0]} ${middle[1]} ${to[0]} ${to[1]}`;
}

type Side = "above" | "below" | "right";

function Label({ at, text, side = "above" }: { at: [number, number]; text: string; side?: Side }) {
  const [x, y] = side === "right" ? [at[0] + 2.2, at[1] + 0.7] : [at[0], at[1] + (side === "below" ? 4.6 : -2.4)];
  return (
    <text x={x} y={y} textAnchor={side === "right" ? "start" : "middle"} className="map-label">
      {text}
    </text>
  );
}

/** Where a region's name does not collide with the visitor's: beside the dot, or below it at the map's edge. */
function sideOf(region: [number, number], visitor: [number, number] | null): Side {
  if (!visitor || Math.abs(visitor[0] - region[0]) >= 12) return "above";
  return region[0] < MAP_WIDTH - 20 ? "right" : "below";
}

export function WorldMap({ demo, states, visitor, answering }: Props) {
  const land = useMemo(() => landCells().map(([x, y]) => `M${x + 0.5} ${y + 0.5}h0`).join(""), []);
  const pop = project(demo.pop.location);
  const target = demo.regions.find((region) => region.name === answering);
  const from = visitor && project(visitor);
  const summary = `${visitor?.title ?? "You"} to ${demo.pop.title} to ${target ? target.title : "nowhere yet"}`;
  return (
    <svg className="map" viewBox={`14 2 ${MAP_WIDTH - 22} ${MAP_HEIGHT - 6}`} role="img" aria-label={`World map: ${summary}`}>
      <path d={land} className="map-land" />
      {from && <path d={arc(from, pop)} className="map-way" />}
      {target && <path d={arc(pop, project(target.location))} className={`map-way map-way-chosen ${toneOf(demo, target.name)}`} />}
      {from && <circle cx={from[0]} cy={from[1]} r={0.9} className="map-visitor" />}
      {from && visitor && <Label at={from} text={visitor.title} />}
      {demo.regions.map((region) => {
        const at = project(region.location);
        const up = states[region.name] === "on";
        const chosen = region.name === answering;
        return (
          <g key={region.name} className={toneOf(demo, region.name)}>
            {chosen && <circle cx={at[0]} cy={at[1]} r={2.4} className="map-halo" />}
            <circle cx={at[0]} cy={at[1]} r={1.3} className={up ? "map-region" : "map-region map-region-off"} />
            <Label at={at} text={titleOf(demo, region.name)} side={sideOf(at, from)} />
          </g>
        );
      })}
      <rect x={pop[0] - 0.9} y={pop[1] - 0.9} width={1.8} height={1.8} className="map-pop" transform={`rotate(45 ${pop[0]} ${pop[1]})`} />
      <Label at={pop} text={`PoP ${demo.pop.title}`} side="below" />
    </svg>
  );
}

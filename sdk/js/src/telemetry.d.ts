/** How much a line of the log matters. */
export type Level = "debug" | "info" | "warn" | "error";

/** Writes a line to the router's log, beside the policy's name. `policy.toml` needs `imports = ["telemetry"]`. */
export function log(level: Level, message: string): void;

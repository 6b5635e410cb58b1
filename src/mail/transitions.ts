export * from "./transitions/end.ts";
export * from "./transitions/lease.ts";
export * from "./transitions/postpone.ts";
export * from "./transitions/queued.ts";
export * from "./transitions/reclaim.ts";
export * from "./transitions/settle.ts";

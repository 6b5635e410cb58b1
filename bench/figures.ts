import { accept, acceptOff, slowSmtp } from "./figures/accept.ts";
import { drain, twoWorkers } from "./figures/drain.ts";
import { growth } from "./figures/growth.ts";
import { history } from "./figures/history.ts";
import { idle } from "./figures/idle.ts";
import { memory } from "./figures/memory.ts";
import { start } from "./figures/start.ts";
import type { Figure } from "./figure.ts";

export const figures: readonly Figure[] = [
  accept,
  acceptOff,
  slowSmtp,
  drain,
  idle,
  twoWorkers,
  history,
  growth,
  memory,
  start,
];

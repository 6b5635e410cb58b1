/** Every fault of the certificate. */
import { crashes } from "./crashes.ts";
import { databases } from "./databases.ts";
import { loads } from "./loads.ts";
import { mailServers } from "./mail-servers.ts";
import { mix } from "./mix.ts";
import type { Scenario } from "./scenario.ts";
import { signals } from "./signals.ts";
import { threads } from "./threads.ts";

export const scenarios: readonly Scenario[] = [
  ...crashes,
  ...threads,
  ...mailServers,
  ...databases,
  ...signals,
  ...loads,
  mix,
];

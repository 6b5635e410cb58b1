/** Every fault of the certificate. */
import { crashes } from "./crashes.ts";
import { databases } from "./databases.ts";
import { mailServers } from "./mail-servers.ts";
import { mix } from "./mix.ts";
import { relays } from "./relays.ts";
import type { Scenario } from "./scenario.ts";
import { signals } from "./signals.ts";
import { threads } from "./threads.ts";
import { workloads } from "./workloads.ts";

export const scenarios: readonly Scenario[] = [
  ...crashes,
  ...threads,
  ...mailServers,
  ...relays,
  ...databases,
  ...signals,
  ...workloads,
  mix,
];

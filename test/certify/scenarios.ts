/** Every fault of the certificate. */
import { clocks } from "./clocks.ts";
import { couriers } from "./couriers.ts";
import { crashes } from "./crashes.ts";
import { databaseNetwork } from "./database-network.ts";
import { databaseSessions } from "./database-sessions.ts";
import { databases } from "./databases.ts";
import { hosts } from "./hosts.ts";
import { mailServers } from "./mail-servers.ts";
import { mix } from "./mix.ts";
import { relays } from "./relays.ts";
import { rows } from "./rows.ts";
import type { Scenario } from "./scenario.ts";
import { signals } from "./signals.ts";
import { threads } from "./threads.ts";
import { workloads } from "./workloads.ts";

export const scenarios: readonly Scenario[] = [
  ...crashes,
  ...couriers,
  ...threads,
  ...mailServers,
  ...relays,
  ...databases,
  ...databaseSessions,
  ...databaseNetwork,
  ...rows,
  ...clocks,
  ...hosts,
  ...signals,
  ...workloads,
  mix,
];

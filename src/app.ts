/** Mounts the routes; never listens. */
import { Elysia, type AnyElysia } from "elysia";
import type { Deps } from "./accounts/deps.ts";
import type { Courier } from "./mail/courier.ts";
import { docs } from "./http/docs.ts";
import { edge, MAX_BODY_BYTES } from "./http/edge.ts";
import { healthRoutes } from "./http/health.ts";
import { messageRoutes } from "./http/messages.ts";
import { passwordRoutes } from "./http/passwords.ts";
import { problems } from "./http/problem.ts";
import { tokenRoutes } from "./http/tokens.ts";
import { userRoutes } from "./http/users.ts";

export interface AppDeps extends Deps {
  /** Null: this process has no courier. */
  readonly courier: Courier | null;
  /** What only some processes have: the development inbox. */
  readonly pages: readonly AnyElysia[];
}

export function createApp(deps: AppDeps): AnyElysia {
  const { config, log } = deps;
  const app = new Elysia({
    // Unknown keys are refused, not silently dropped (R51).
    normalize: false,
    // A schema that cannot be compiled fails at start-up, not at its first request.
    precompile: true,
    serve: { maxRequestBodySize: MAX_BODY_BYTES, idleTimeout: 30 },
  })
    .use(edge(log, { https: config.publicUrl.startsWith("https:") }))
    .use(problems(log))
    .use(docs())
    .use(tokenRoutes(deps))
    .use(passwordRoutes(deps))
    .use(messageRoutes(deps))
    .use(userRoutes(deps))
    .use(healthRoutes(deps));
  return deps.pages.reduce<AnyElysia>((mounted, page) => mounted.use(page), app);
}

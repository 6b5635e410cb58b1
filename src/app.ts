/** Mounts the routes; never listens. */
import { Elysia, type AnyElysia } from "elysia";
import type { Deps } from "./accounts/deps.ts";
import type { Courier } from "./mail/courier/handle.ts";
import { auditRoutes } from "./http/audit.ts";
import { cors } from "./http/cors.ts";
import { shallowBodies } from "./http/depth.ts";
import { docs } from "./http/docs.ts";
import { edge, MAX_BODY_BYTES } from "./http/edge.ts";
import { emailRoutes } from "./http/emails.ts";
import { healthRoutes } from "./http/health.ts";
import { introspectionRoutes } from "./http/introspection.ts";
import { mailControlRoutes } from "./http/mail-control.ts";
import { meRoutes } from "./http/me.ts";
import { limits } from "./http/limits.ts";
import { messageRoutes } from "./http/messages.ts";
import { methods } from "./http/methods.ts";
import { passwordRoutes } from "./http/passwords.ts";
import { problems } from "./http/problem.ts";
import { registrationRoutes } from "./http/registration.ts";
import { sessionRoutes } from "./http/sessions.ts";
import { tokenRoutes } from "./http/tokens.ts";
import { userStateRoutes } from "./http/user-state.ts";
import { userRoutes } from "./http/users.ts";
import { wellKnown } from "./http/well-known.ts";
import { type Assets, assetRoutes } from "./web/assets.ts";
import { docsPage } from "./web/docs.ts";
import { linkPages } from "./web/pages/link-pages.ts";
import { outboxPages } from "./web/outbox.ts";
import { tooManyRequestsPage } from "./web/pages/page.ts";
import { resetPages } from "./web/pages/reset.ts";

/**
 * From a request's head to the end of its answer, however its body drips in, and between two requests (R55). A statement
 * may take 15 of it; event streams lift it for themselves.
 */
const IDLE_TIMEOUT_SECONDS = 20;

export interface AppDeps extends Deps {
  /** Null: this process has no courier. */
  readonly courier: Courier | null;
  readonly assets: Assets;
  /** What only some processes have: the development inbox. */
  readonly pages: readonly AnyElysia[];
}

export function createApp(deps: AppDeps): AnyElysia {
  const { config, log } = deps;
  const app: AnyElysia = new Elysia({
    // Unknown keys are refused, not silently dropped (R51).
    normalize: false,
    // A schema that cannot be compiled fails at start-up, not at its first request.
    precompile: true,
    // Else the path is sought from the twelfth character on, and a short `Host` hides its first segment from us.
    handler: { standardHostname: false },
    serve: { maxRequestBodySize: MAX_BODY_BYTES, idleTimeout: IDLE_TIMEOUT_SECONDS },
  })
    .use(edge(log, { https: config.publicUrl.startsWith("https:") }))
    .use(cors(config.corsOrigins))
    .use(limits(config, tooManyRequestsPage(config)))
    .use(methods(() => app.routes))
    .use(problems(log))
    .use(shallowBodies())
    .use(docs((request) => app.handle(request)))
    .use(tokenRoutes(deps))
    .use(introspectionRoutes(deps))
    .use(sessionRoutes(deps))
    .use(passwordRoutes(deps))
    .use(emailRoutes(deps))
    .use(meRoutes(deps))
    .use(messageRoutes(deps))
    .use(mailControlRoutes(deps))
    .use(userRoutes(deps))
    .use(userStateRoutes(deps))
    .use(auditRoutes(deps))
    .use(wellKnown(config))
    .use(healthRoutes(deps))
    .use(assetRoutes(deps.assets))
    .use(docsPage())
    .use(resetPages(deps))
    .use(linkPages(deps))
    .use(outboxPages(deps));
  const optional = [...deps.pages, ...(config.registration ? [registrationRoutes(deps)] : [])];
  return optional.reduce<AnyElysia>((mounted, page) => mounted.use(page), app);
}

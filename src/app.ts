/** Mounts the routes; never listens. */
import { Elysia, type AnyElysia } from "elysia";
import type { Deps } from "./accounts/deps.ts";
import type { Finding } from "./doctor/finding.ts";
import type { Courier } from "./mail/courier/handle.ts";
import type { MailMonitor } from "./mail/operations/monitor.ts";
import { createAccessTokens } from "./http/access-tokens.ts";
import { admission } from "./http/admission.ts";
import { administrationRoutes } from "./http/administration.ts";
import { auditRoutes } from "./http/audit.ts";
import { cors } from "./http/cors.ts";
import { docs } from "./http/docs.ts";
import { doctorRoutes } from "./http/doctor.ts";
import { edge } from "./http/edge.ts";
import { emailRoutes } from "./http/emails.ts";
import { healthRoutes } from "./http/health.ts";
import { introspectionRoutes } from "./http/introspection.ts";
import { mailControlRoutes } from "./http/mail-control.ts";
import { exportRoutes } from "./http/export.ts";
import { meRoutes } from "./http/me.ts";
import { bulkRoutes } from "./http/bulk.ts";
import { messageRoutes } from "./http/messages.ts";
import { metricsRoutes } from "./http/metrics.ts";
import { methods } from "./http/methods.ts";
import { passwordRoutes } from "./http/passwords.ts";
import { problems } from "./http/problem.ts";
import { registrationRoutes } from "./http/registration.ts";
import { RouteTable } from "./http/route-table.ts";
import { sessionRoutes } from "./http/sessions.ts";
import { tokenRoutes } from "./http/tokens.ts";
import { userImportRoutes } from "./http/user-import.ts";
import { userStateRoutes } from "./http/user-state.ts";
import { userRoutes } from "./http/users.ts";
import { wellKnown } from "./http/well-known.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Readiness } from "./readiness.ts";
import type { Tracer } from "./tracing/tracer.ts";
import { type Assets, assetRoutes } from "./web/assets.ts";
import { docsPage } from "./web/docs.ts";
import { frontPage } from "./web/pages/front.ts";
import { linkPages } from "./web/pages/link-pages.ts";
import { outboxPages } from "./web/outbox.ts";
import { peoplePages } from "./web/people.ts";
import { refusalPages } from "./web/pages/page.ts";
import { registrationPages } from "./web/pages/registration.ts";
import { resetPages } from "./web/pages/reset.ts";

export interface AppDeps extends Deps {
  /** Null: this process has no courier. */
  readonly courier: Courier | null;
  readonly monitor: Pick<MailMonitor, "degraded" | "stats">;
  readonly readiness: Pick<Readiness, "check" | "stopping">;
  /** Null: nothing is counted. */
  readonly metrics: Metrics | null;
  /** Null: requests are not traced. */
  readonly tracer: Tracer | null;
  /** Looks at everything that dundie needs (`doctor/doctor.ts`). */
  readonly examine: () => Promise<Finding[]>;
  readonly assets: Assets;
  /** What only some processes have: the development inbox. */
  readonly pages: readonly AnyElysia[];
}

/** The API as its clients see it: `treaty<App>()` of `@elysiajs/eden` takes it. */
export type App = ReturnType<typeof createApp>;

/** @throws {Error} when a route does not say who may call it and how often (`http/operation.ts`). */
export function createApp(deps: AppDeps) {
  const { config, log } = deps;
  const table = new RouteTable();
  const tokens = createAccessTokens(deps);
  // The document is made from what the whole app answers, which does not exist yet.
  let handle: (request: Request) => Promise<Response> = () => Promise.reject(new Error("The app is not mounted yet."));
  const app = new Elysia({
    // Unknown keys are refused, not silently dropped (R51).
    normalize: false,
    // A schema that cannot be compiled fails at start-up, not at its first request.
    precompile: true,
    // Otherwise the path is sought from the twelfth character on, and a short `Host` hides its first segment.
    handler: { standardHostname: false },
    serve: {
      // Ours is checked in `http/admission.ts`: Bun's own answer has no body and no CORS headers. Bun discards a body
      // that is not read.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      // This holds between two requests. A body that is read has a limit of its own, and event streams lift this one.
      idleTimeout: config.idleTimeoutSeconds,
    },
  })
    .use(cors(config.corsOrigins))
    .use(
      edge(log, {
        https: config.publicUrl.startsWith("https:"),
        loopbackOnly: config.databaseUrl === null,
        metrics: deps.metrics,
        readiness: deps.readiness,
        tracer: deps.tracer,
      }),
    )
    .use(methods(table))
    .use(admission({ config, table, tokens, pages: refusalPages(config) }))
    .use(problems(log, (error) => deps.outbox.database.failed(error)))
    .use(config.docs ? docs(config, (request) => handle(request)) : new Elysia())
    .use(tokenRoutes(deps, tokens))
    .use(introspectionRoutes(deps, tokens))
    .use(sessionRoutes(deps))
    .use(passwordRoutes(deps, tokens))
    .use(emailRoutes(deps))
    .use(meRoutes(deps))
    .use(exportRoutes(deps))
    .use(messageRoutes(deps))
    .use(bulkRoutes(deps))
    .use(mailControlRoutes(deps))
    .use(userRoutes(deps, tokens))
    .use(userImportRoutes(deps))
    .use(administrationRoutes(deps))
    .use(userStateRoutes(deps))
    .use(auditRoutes(deps))
    .use(wellKnown(config))
    .use(healthRoutes(deps))
    .use(doctorRoutes(deps.examine))
    .use(registration(deps));
  // Statements and not links of the chain: pages are no part of the API's type, which has a limit to its depth.
  app.use(assetRoutes(deps.assets)).use(frontPage(deps)).use(resetPages(deps)).use(linkPages(deps));
  if (deps.metrics && config.metrics.token !== null) app.use(metricsRoutes(deps.metrics));
  if (config.registration) app.use(registrationPages(deps));
  if (config.docs) app.use(docsPage(deps));
  if (config.outboxPage) app.use(outboxPages(deps));
  if (config.peoplePage) app.use(peoplePages(deps));
  for (const page of deps.pages) app.use(page);
  table.load(app.routes);
  handle = (request) => app.handle(request);
  return app;
}

/** Clients know the route in any case; it answers 404 unless `REGISTRATION=on`. */
function registration(deps: Deps): ReturnType<typeof registrationRoutes> {
  if (deps.config.registration) return registrationRoutes(deps);
  return new Elysia({ name: "registration" }) as unknown as ReturnType<typeof registrationRoutes>;
}

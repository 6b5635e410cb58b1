import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { endAllDevices, endDevice, listDevices, logOut } from "../accounts/devices.ts";
import { callerOnly } from "./access-tokens.ts";
import { requestContext } from "./request-context.ts";
import { bearer, idParams, moment, nullable, ProblemSchema } from "./schemas.ts";

const DeviceSchema = t.Object({
  id: t.String({ format: "uuid" }),
  created_at: moment("Login."),
  used_at: moment("When its tokens were last refreshed."),
  expires_at: moment("Its end, whatever is refreshed until then."),
  ip: nullable(t.String({ description: "Where the login came from." })),
  browser: nullable(t.String({ examples: ["Firefox"] })),
  current: t.Boolean({ description: "It is the one that asks." }),
});

export const sessionRoutes = (deps: Deps) =>
  new Elysia({ name: "sessions", tags: ["Sessions"], normalize: false })
    .use(requestContext(deps.config.trustProxy))
    .use(callerOnly(deps))
    .get(
      "/session/",
      async ({ caller }) => {
        const devices = await listDevices(deps.db, caller);
        return devices.map((device) => ({
          id: device.id,
          created_at: device.createdAt.toISOString(),
          used_at: device.usedAt.toISOString(),
          expires_at: device.expiresAt.toISOString(),
          ip: device.ip,
          browser: device.browser,
          current: device.current,
        }));
      },
      {
        response: { 200: t.Array(DeviceSchema), 401: ProblemSchema },
        detail: { summary: "List my sessions", description: "One a device, the last used first.", security: bearer },
      },
    )
    .delete(
      "/session/:id",
      async ({ params, caller, context, set }) => {
        await endDevice(deps, caller, params.id, context);
        set.status = 204;
      },
      {
        params: idParams("session"),
        response: { 204: t.Void(), 401: ProblemSchema, 404: ProblemSchema, 422: ProblemSchema },
        detail: {
          summary: "End one of my sessions",
          description: "Its refresh and access tokens end with it.",
          security: bearer,
        },
      },
    )
    .delete(
      "/session/",
      async ({ caller, context, set }) => {
        await endAllDevices(deps, caller, context);
        set.status = 204;
      },
      {
        response: { 204: t.Void(), 401: ProblemSchema },
        detail: { summary: "Log out everywhere", description: "Here too.", security: bearer },
      },
    )
    .post(
      "/logout/",
      async ({ caller, context, set }) => {
        await logOut(deps, caller, context);
        set.status = 204;
      },
      {
        response: { 204: t.Void(), 401: ProblemSchema },
        detail: {
          summary: "Log out",
          description: "Ends this session, its access token too. With a refresh token alone: `POST /revoke`.",
          security: bearer,
        },
      },
    );

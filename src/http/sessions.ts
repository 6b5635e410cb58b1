import { Elysia, t, type Static } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { type Device, endAllDevices, endDevice, listDevices, logOut } from "../accounts/devices.ts";
import { requiredCaller } from "./admission.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { idParams, moment, nullable, problemsOf } from "./schemas.ts";

export const SessionSchema = t.Object(
  {
    id: t.String({ format: "uuid" }),
    created_at: moment("When the login was."),
    used_at: moment("When its tokens were last refreshed."),
    expires_at: moment("When it ends, however often its tokens are refreshed."),
    ip: nullable(t.String({ description: "Where the login came from." })),
    browser: nullable(t.String({ examples: ["Firefox"] })),
    current: t.Boolean({ description: "Whether this request belongs to it." }),
  },
  { title: "Session" },
);
export type Session = Static<typeof SessionSchema>;

export const deviceJson = (device: Device): Session => ({
  id: device.id,
  created_at: device.createdAt.toISOString(),
  used_at: device.usedAt.toISOString(),
  expires_at: device.expiresAt.toISOString(),
  ip: device.ip,
  browser: device.browser,
  current: device.current,
});

export const sessionRoutes = (deps: Deps) =>
  new Elysia({ name: "sessions", tags: ["Sessions"], normalize: false })
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .get(
      "/session/",
      async ({ caller }): Promise<Session[]> => {
        return (await listDevices(deps.db, caller)).map(deviceJson);
      },
      {
        response: { 200: t.Array(SessionSchema), ...problemsOf(401) },
        detail: operation({
          access: "account",
          limit: "none",
          operationId: "listSessions",
          summary: "List my sessions",
          description: "One session for each login, the most recently used first.",
        }),
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
        response: { 204: t.Void(), ...problemsOf(401, 404, 422) },
        detail: operation({
          access: "account",
          limit: "none",
          operationId: "endSession",
          summary: "End one of my sessions",
          description: "Its refresh token and its access tokens stop working at once.",
        }),
      },
    )
    .delete(
      "/session/",
      async ({ caller, context, set }) => {
        await endAllDevices(deps, caller, context);
        set.status = 204;
      },
      {
        response: { 204: t.Void(), ...problemsOf(401) },
        detail: operation({
          access: "account",
          limit: "none",
          operationId: "endAllSessions",
          summary: "Log out everywhere",
          description: "Ends every session of the account, this one included.",
        }),
      },
    )
    .post(
      "/logout/",
      async ({ caller, context, set }) => {
        await logOut(deps, caller, context);
        set.status = 204;
      },
      {
        response: { 204: t.Void(), ...problemsOf(401) },
        detail: operation({
          access: "account",
          limit: "none",
          operationId: "logOut",
          summary: "Log out",
          description: "Ends this session and its access tokens. With a refresh token alone, use `POST /revoke`.",
        }),
      },
    );

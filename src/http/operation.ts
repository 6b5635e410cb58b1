/**
 * What is true of a route, said where the route is defined. The checks that run before a body is read
 * (`admission.ts`), the parser (`body.ts`), the problem answers (`problem.ts`) and the OpenAPI document read it here.
 */
import type { DocumentDecoration } from "elysia";
import type { LimitName } from "./limits.ts";

/**
 * Who may call a route:
 * - `public`: everyone. Where a token in the body decides, the use case checks it.
 * - `account`: every account that is logged in.
 * - `owner`: the account that `:username` names, and superusers.
 * - `superuser`: superusers.
 * - `metrics`: the holder of `METRICS_TOKEN`.
 * - `owner-or-link`: as `owner`, and without a login the holder of a token in `pwd_reset_token`.
 */
export type Access = "public" | "account" | "owner" | "superuser" | "metrics" | "owner-or-link";

export interface RouteFacts {
  readonly access: Access;
  /** The login of a superuser is read, where there is one: see `superuserIfAny`. Only for `public`. */
  readonly superuserSeesMore?: true;
  /** The largest body that is read, in bytes. @default DEFAULT_BODY_BYTES */
  readonly maxBodyBytes?: number;
  /** The rate limit of one client; `none` for routes that cost little or need a login. */
  readonly limit: LimitName | "none";
  /** What the body must be. `form`: urlencoded or multipart. `none`, the default: a body is ignored. */
  readonly body?: "none" | "json" | "form";
  /** Errors carry `error` and `error_description` as well (RFC 6749 §5.2). */
  readonly oauthErrors?: true;
}

export interface OperationWords {
  /** Unique and stable: generated clients name their functions by it. */
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** Response headers by status and name, with their description. */
  readonly headers?: Readonly<Record<number, Readonly<Record<string, string>>>>;
}

/** Extensions of an OpenAPI operation; `openapi.ts` removes them from the document. */
const FACTS = "x-route";
const HEADERS = "x-response-headers";

/** The `detail` of a route of the API. */
export const operation = ({
  operationId,
  summary,
  description,
  headers,
  ...facts
}: RouteFacts & OperationWords): DocumentDecoration => ({
  operationId,
  summary,
  ...(description === undefined ? {} : { description }),
  ...extension(FACTS, facts),
  ...extension(HEADERS, headers ?? {}),
});

/** The `detail` of a page or a file, which the document does not list. */
export const page = (facts: RouteFacts): DocumentDecoration => ({ hide: true, ...extension(FACTS, facts) });

/** The facts alone, for an instance whose routes are all alike. */
export const routeFacts = (facts: RouteFacts): DocumentDecoration => extension(FACTS, facts);

/** @returns null for a route that says nothing. */
export const factsOf = (detail: unknown): RouteFacts | null =>
  (extensionOf(detail, FACTS) as RouteFacts | undefined) ?? null;

export const responseHeadersOf = (detail: unknown): NonNullable<OperationWords["headers"]> =>
  (extensionOf(detail, HEADERS) as OperationWords["headers"]) ?? {};

const extension = (name: string, value: object): object => ({ [name]: value });

const extensionOf = (detail: unknown, name: string): unknown =>
  (detail as Readonly<Record<string, unknown>> | undefined)?.[name];

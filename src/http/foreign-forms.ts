/**
 * Which forms come from a page of another site. A browser sends a form without asking the server first (Fetch §3.3.5),
 * so the server must look. Programs that are no browsers send neither header and are let through.
 */
import type { Config } from "../config.ts";
import type { RouteFacts } from "./operation.ts";

export type IsForeignForm = (request: Request, facts: RouteFacts) => boolean;

/** Pages of `CORS_ORIGINS` may send forms as they may send everything else. */
export function foreignForms({ publicUrl, corsOrigins }: Pick<Config, "publicUrl" | "corsOrigins">): IsForeignForm {
  const known: ReadonlySet<string> = new Set([new URL(publicUrl).origin, ...corsOrigins]);
  return ({ headers }, facts) => {
    if (facts.body !== "form") return false;
    const origin = headers.get("origin");
    if (origin !== null && known.has(origin)) return false;
    // Every browser since 2023 sends it, and no page can change it (Fetch Metadata §2.3).
    const site = headers.get("sec-fetch-site");
    if (site !== null) return site !== "same-origin" && site !== "none";
    if (origin === null) return false;
    // Our own pages have the policy no-referrer, under which their forms come with "null".
    if (origin === "null") return facts.oauthErrors === true;
    return !isOfHost(origin, headers.get("host"));
  };
}

/** A process that does not know its public address is reached at the address in `Host`. */
const isOfHost = (origin: string, host: string | null): boolean =>
  host !== null && (origin === `http://${host}` || origin === `https://${host}`);

import { Elysia } from "elysia";
import type { Config } from "../config.ts";

/** W3C "A Well-Known URL for Changing Passwords": where a password manager sends its user. */
export const wellKnown = ({ resetUrl }: Config) =>
  new Elysia({ name: "well-known", detail: { hide: true } }).get("/.well-known/change-password", ({ redirect }) =>
    redirect(resetUrl, 302),
  );

import { Elysia } from "elysia";
import type { Config } from "../config.ts";
import { page } from "./operation.ts";

/** W3C "A Well-Known URL for Changing Passwords": where password managers send people. */
export const wellKnown = ({ resetUrl }: Config) =>
  new Elysia({ name: "well-known", detail: page({ access: "public", limit: "none" }) }).get(
    "/.well-known/change-password",
    ({ redirect }) => redirect(resetUrl, 302),
  );

import { Elysia } from "elysia";
import { Unacceptable } from "../errors.ts";

/** No route's body has more than two levels. */
const MAX_DEPTH = 8;

/**
 * Refuses a deeply nested body before it is validated: what the validator says of one takes time that grows with the
 * square of its depth, seconds for 60 KB of brackets.
 */
export const shallowBodies = () =>
  new Elysia({ name: "shallow-bodies" }).onTransform({ as: "global" }, ({ body }) => {
    if (isDeeper(body, MAX_DEPTH)) throw new Unacceptable("The body is nested too deeply.");
  });

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

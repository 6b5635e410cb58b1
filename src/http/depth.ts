import { Elysia } from "elysia";
import { InvalidInput } from "../errors.ts";

/** No route's body has more than two levels. */
const MAX_DEPTH = 8;

/**
 * Refuses a deeply nested body before it is validated: what the validator says of one takes time that grows with the
 * square of its depth, seconds for 60 KB of brackets. Of any other a field is a text, or it is wrong whatever is in it:
 * it is emptied, because the validator's words for `{"email": {"toString": 1}}` ask it for its text, and stumble.
 */
export const shallowBodies = () =>
  new Elysia({ name: "shallow-bodies" }).onTransform({ as: "global" }, ({ body }) => {
    if (isDeeper(body, MAX_DEPTH)) throw new InvalidInput("The body is nested too deeply.");
    if (!isObject(body)) return;
    for (const [name, value] of Object.entries(body)) if (isObject(value)) body[name] = Array.isArray(value) ? [] : {};
  });

function isDeeper(value: unknown, levels: number): boolean {
  if (!isObject(value)) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

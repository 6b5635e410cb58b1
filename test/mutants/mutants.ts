/** The rows of all areas. */
import { ADMINISTRATION } from "./administration.ts";
import { LIMITS } from "./limits.ts";
import { LINKS } from "./links.ts";
import type { Mutant } from "./mutant.ts";
import { PASSWORDS } from "./passwords.ts";
import { REGISTRATION } from "./registration.ts";
import { SESSIONS } from "./sessions.ts";

export const MUTANTS: readonly Mutant[] = [
  ...ADMINISTRATION,
  ...LIMITS,
  ...LINKS,
  ...PASSWORDS,
  ...REGISTRATION,
  ...SESSIONS,
];

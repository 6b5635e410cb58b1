/** The rows of all areas. */
import { LINKS } from "./links.ts";
import type { Mutant } from "./mutant.ts";
import { PASSWORDS } from "./passwords.ts";
import { SESSIONS } from "./sessions.ts";

export const MUTANTS: readonly Mutant[] = [...LINKS, ...PASSWORDS, ...SESSIONS];

/** The rows of all areas. */
import { ADMINISTRATION } from "./administration.ts";
import { CONFIG } from "./config.ts";
import { HTTP } from "./http.ts";
import { LIMITS } from "./limits.ts";
import { LINKS } from "./links.ts";
import { MAIL } from "./mail.ts";
import type { Mutant } from "./mutant.ts";
import { PASSWORDS } from "./passwords.ts";
import { REGISTRATION } from "./registration.ts";
import { REQUESTS } from "./requests.ts";
import { SESSIONS } from "./sessions.ts";
import { SMTP } from "./smtp.ts";

export const MUTANTS: readonly Mutant[] = [
  ...REQUESTS,
  ...LIMITS,
  ...LINKS,
  ...PASSWORDS,
  ...SESSIONS,
  ...REGISTRATION,
  ...ADMINISTRATION,
  ...HTTP,
  ...CONFIG,
  ...MAIL,
  ...SMTP,
];

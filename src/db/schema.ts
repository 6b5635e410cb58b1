/**
 * Every table. Migrations are generated from here (`bun run migrations`).
 *
 * Times are `timestamptz`; SQL writes them with `now()`. A `state` is never called a status: status is HTTP's.
 */
export * from "./tables/accounts.ts";
export { nextOrdinal, ordinals } from "./tables/columns.ts";
export * from "./tables/mail.ts";

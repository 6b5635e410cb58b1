/** UUIDv7 (RFC 9562 §5.7): its first 48 bits are a time in milliseconds, so that an index by id is one by time. */

/** When it was made. */
export const momentOf = (id: string): Date => new Date(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16));

/** The smallest of a moment: ids of then and later are greater. */
export function smallestUuidOf(moment: Date): string {
  const hex = moment.getTime().toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

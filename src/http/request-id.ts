const ids = new WeakMap<Request, string>();

/** One id for each request: in its log lines, its messages, its audit events and the answer's `X-Request-Id`. */
export function requestIdOf(request: Request): string {
  let id = ids.get(request);
  if (!id) ids.set(request, (id = Bun.randomUUIDv7()));
  return id;
}

/** DATABASE_URL is read as libpq reads a connection URI: PostgreSQL documentation, §32.1.1.2. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseAddress } from "../src/db/address.ts";

const PLAIN = { database: "d", user: "u", password: "p", sslmode: "prefer", hosts: ["h"], ports: [5432] };

test.each([
  ["postgres://u:p@h/d", PLAIN],
  ["postgresql://u:p@h:5433/d", { ...PLAIN, ports: [5433] }],
  ["postgres://u:p%40%2F%25@h/d", { ...PLAIN, password: "p@/%" }],
  ["postgres://u:a:b@h/d", { ...PLAIN, password: "a:b" }],
  ["postgres://h", { ...PLAIN, user: "", password: "", database: "" }],
  ["postgres://u:p@[::1]:6000/d", { ...PLAIN, hosts: ["::1"], ports: [6000], sslmode: "disable" }],
  ["postgres://u:p@127.0.0.1/d", { ...PLAIN, hosts: ["127.0.0.1"], sslmode: "disable" }],
  ["postgres://u:p@a:1,b,[::2]:3/d", { ...PLAIN, hosts: ["a", "b", "::2"], ports: [1, 5432, 3] }],
  ["postgres:///d?host=a,b&port=1,2&user=u&password=p", { ...PLAIN, hosts: ["a", "b"], ports: [1, 2] }],
  ["postgres:///d?host=a,b&port=1&user=u&password=p", { ...PLAIN, hosts: ["a", "b"], ports: [1, 1] }],
  ["postgres://u:p@/d?host=/var/run/postgresql", { ...PLAIN, hosts: ["/var/run/postgresql"], sslmode: "disable" }],
  ["postgres://u:p@%2Fvar%2Frun/d", { ...PLAIN, hosts: ["/var/run"], sslmode: "disable" }],
  ["postgres://u:p@h/d?sslmode=verify-full", { ...PLAIN, sslmode: "verify-full" }],
  ["postgres://u:p@h/d?sslrootcert=/ca.pem", { ...PLAIN, sslmode: "verify-full", rootCertificate: "/ca.pem" }],
  ["postgres://u:p@h/d?sslrootcert=system", { ...PLAIN, sslmode: "verify-full", rootCertificate: null }],
  [
    "postgres://u:p@h/d?sslmode=require&sslrootcert=%2Fca.pem",
    { ...PLAIN, sslmode: "require", rootCertificate: "/ca.pem" },
  ],
  ["postgres://u:p@h/d?ssl=true", { ...PLAIN, sslmode: "require" }],
  ["postgres://u:p@h/d?ssl=false", { ...PLAIN, sslmode: "disable" }],
  ["postgres://u:p@h/d?options=-c%20a%3Db&target_session_attrs=primary", { ...PLAIN, options: "-c a=b" }],
  ["postgres://u:p@h/d?sslmode=&options=&", PLAIN],
])("%s", (url, expected) => {
  const { address, problems, warnings } = parseAddress(url);
  expect(problems).toEqual([]);
  expect(warnings).toEqual([]);
  expect(address).toMatchObject(expected);
});

test.each([
  ["postgres://u:p@h/d?channel_binding=require&sslmode=require", ["channel_binding"]],
  ["postgres://u:p@h/d?application_name=x&connect_timeout=10", ["application_name", "connect_timeout"]],
  ["postgres://u:p@h/d?pgbouncer=true&schema=public", ["pgbouncer", "schema"]],
  ["postgres://u:p@h/d?gssencmode=disable", ["gssencmode"]],
])("%s has parameters without effect", (url, names) => {
  const { problems, warnings } = parseAddress(url);
  expect(problems).toEqual([]);
  expect(warnings).toEqual(names.map((name) => `the parameter ${name} of DATABASE_URL has no effect`));
});

test.each([
  ["postgres://u:p@h/d?sslmode=yes", "sslmode=yes"],
  ["postgres://u:p@h/d?service=x", "service"],
  ["postgres://u:p@h/d?gssencmode=require", "gssencmode"],
  ["postgres://u:p@h/d?hostaddr=127.0.0.1", "hostaddr"],
  ["postgres://u:p@h/d?sslcrl=/x", "sslcrl"],
  ["postgres://u:p@h/d?target_session_attrs=prefer-standby", "target_session_attrs=prefer-standby"],
  ["postgres://u:p@h/d?sslcert=/x", "sslkey"],
  ["postgres://u:p@h/d?sslnegotiation=maybe", "sslnegotiation"],
  ["postgres://u:p@/d?host=/run,h", "socket"],
  ["postgres://u:p@h:0/d", "port"],
  ["postgres://u:p@h:1:2/d", "port"],
  ["postgres://u:p@h h/d", "host"],
  ["postgres://u:p%@h/d", "%25"],
  ["postgres://u:p@h/d?options=%", "%25"],
  ["mysql://u:p@h/d", "postgres://"],
])("%s is refused by name", (url, word) => {
  const { address, problems } = parseAddress(url);
  expect(address).toBeNull();
  expect(problems.join()).toContain(word);
});

test("what is percent-encoded comes back, whatever it is", () => {
  const text = fc.string({ minLength: 1, unit: "grapheme" });
  fc.assert(
    fc.property(text, text, text, (user, password, database) => {
      const [u, p, d] = [user, password, database].map(encodeURIComponent);
      expect(parseAddress(`postgres://${u}:${p}@h/${d}`).address).toMatchObject({ user, password, database });
      expect(parseAddress(`postgres:///?host=h&user=${u}&password=${p}&dbname=${d}`).address).toMatchObject({
        user,
        password,
        database,
      });
    }),
  );
});

test("no text makes it throw", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseAddress(`postgres://${text}`)));
});

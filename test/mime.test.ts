/** The headers of an email, as a mail reader reads them. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { buildMime } from "../src/mail/courier/mime.ts";
import { oneLine } from "../src/mail/courier/render.ts";

const withWords = (words: string): Buffer =>
  buildMime({
    id: "0190a1b2-0000-7000-8000-000000000000",
    from: { name: words, address: "no-reply@dm.com" },
    to: { name: words, address: "o'brien+tag@example.com" },
    messageIdHost: "dm.com",
    date: new Date(0),
    subject: words,
    html: "h",
    text: "t",
  });

async function expectAsWritten(words: string): Promise<void> {
  const source = withWords(words);
  const { from, to, subject, headers } = await PostalMime.parse(source);
  // Some readers decode what looks like an encoded word wherever it is: then there must be none in the plain words.
  expect(from).toEqual({ name: words, address: "no-reply@dm.com" });
  expect(to).toEqual([{ name: words, address: "o'brien+tag@example.com" }]);
  expect(subject ?? "").toBe(words);
  expect(headers.filter(({ key }) => ["from", "to", "subject"].includes(key))).toHaveLength(3);
  for (const line of source.toString().split("\r\n")) expect(line.length).toBeLessThan(998);
}

test.each([
  ["=?utf-8?Q?Admin?="],
  ["Pam =?utf-8?B?QWRtaW4=?= Beesly"],
  ["=?utf-8?Q?Admin?= José"],
  ["José =?utf-8?Q?Admin?="],
  ["=?utf-8*en?Q?Admin?="],
  ["=?utf-8?Q?a?= =?utf-8?Q?b?="],
  ["=?"],
  ["a=?b?=c"],
  [`=?utf-8?Q?${"日本語".repeat(40)}?=`],
  ['Pam "B" <x@y.z>, (c)'],
])("the name and subject %s are read as they were written (RFC 2047 §5)", expectAsWritten);

test("any words are read as they were written", async () => {
  const part = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("=?", "?=", "=?utf-8?Q?", '"', "\\", "<a@b.c>", " "),
  );
  const words = fc.array(part, { maxLength: 6 }).map((parts) => oneLine(parts.join("")).replaceAll(/\s+/g, " ").trim());
  await fc.assert(fc.asyncProperty(words.filter(Boolean), expectAsWritten), { numRuns: 300 });
});

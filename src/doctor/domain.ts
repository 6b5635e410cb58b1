/** Whether others may believe emails of the sender's domain: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489). */
import { fault, notKnown, ok, warning, type Finding } from "./finding.ts";
import type { Names } from "./names.ts";

const UNASKED = "the DNS gives no answer from here";

/** @param selector of the DKIM key that the relay signs with; null: not known. */
export async function checkDomain(names: Names, sender: string, selector: string | null): Promise<Finding[]> {
  const domain = sender.slice(sender.lastIndexOf("@") + 1);
  return await Promise.all([checkSpf(names, domain), checkDkim(names, domain, selector), checkDmarc(names, domain)]);
}

async function checkSpf(names: Names, domain: string): Promise<Finding> {
  const texts = await names.texts(domain);
  if (texts === null) return notKnown("SPF", `${domain}: ${UNASKED}`);
  const records = texts.filter((text) => /^v=spf1( |$)/i.test(text));
  const [record] = records;
  if (record === undefined) {
    return warning("SPF", `${domain} has no SPF record`, "publish one that names your relay: receivers trust it more");
  }
  if (records.length > 1) {
    return fault("SPF", `${domain} has ${records.length} SPF records, so none counts`, "merge them into one");
  }
  if (/ \+?all\b/i.test(record)) {
    return warning("SPF", `${domain} lets every machine send for it: ${record}`, "end the record with -all or ~all");
  }
  return ok("SPF", `${domain}: ${record}`);
}

async function checkDkim(names: Names, domain: string, selector: string | null): Promise<Finding> {
  if (selector === null) {
    const advice = "name the selector that your relay signs with: --dkim-selector";
    return notKnown("DKIM", `whether ${domain} has the key of your relay`, advice);
  }
  const name = `${selector}._domainkey.${domain}`;
  const texts = await names.texts(name);
  if (texts === null) return notKnown("DKIM", `${name}: ${UNASKED}`);
  const key = texts.map((text) => /(?:^|;)\s*p=([^;]*)/.exec(text)?.[1]?.trim()).find((found) => found !== undefined);
  if (key === undefined) return fault("DKIM", `${name} has no key`, "publish the key that your relay signs with");
  if (key === "") return fault("DKIM", `the key at ${name} is revoked`, "publish the key that your relay signs with");
  return ok("DKIM", `${name} has a key`);
}

async function checkDmarc(names: Names, domain: string): Promise<Finding> {
  // A domain without a record has that of the domain above it, down to the one that was registered.
  const labels = domain.split(".");
  const asked = labels.slice(0, -1).map((_, at) => labels.slice(at).join("."));
  for (const above of asked) {
    const texts = await names.texts(`_dmarc.${above}`);
    if (texts === null) return notKnown("DMARC", `${domain}: ${UNASKED}`);
    const record = texts.find((text) => /^v=DMARC1\s*;/i.test(text));
    if (record === undefined) continue;
    const [, policy] = /;\s*p=(\w+)/i.exec(record) ?? [];
    if (policy === undefined)
      return fault("DMARC", `_dmarc.${above} names no policy: ${record}`, "add p=none or stricter");
    return ok("DMARC", `_dmarc.${above}: the policy is ${policy.toLowerCase()}`);
  }
  return warning(
    "DMARC",
    `${domain} has no DMARC record`,
    "publish one: large receivers ask for it (p=none to begin with)",
  );
}

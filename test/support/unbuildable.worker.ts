/** The real courier thread, which fails to build the headers of an email to a person of this name. */
import MimeNode from "nodemailer/lib/mime-node";
import "../../src/mail/courier/worker.ts";

const setHeader = MimeNode.prototype.setHeader;

MimeNode.prototype.setHeader = function (this: MimeNode, ...header: Parameters<typeof setHeader>) {
  if (JSON.stringify(header).includes("Unbuildable")) throw new TypeError("this header cannot be built");
  return setHeader.apply(this, header);
};

import * as z from "zod";

import { messageOf } from "../errors.ts";
import { parseNets } from "./address.ts";
import type { AddressRules } from "./address.ts";
import { ownAddresses } from "./resolve.ts";

const nets = z
  .string()
  .default("")
  .transform((text, context) => {
    try {
      return parseNets(text);
    } catch (error) {
      context.addIssue(messageOf(error));
      return z.NEVER;
    }
  });

/** Variables of the functions that open or renew forwards. */
export const forwardVariables = {
  /** Addresses, networks and names that imports may lead to although they are refused by default. */
  LOSSI_FORWARD_ALLOW: nets,
  /** Networks refused as well: those of the cluster's pods and services. */
  LOSSI_FORWARD_DENY: nets,
};

/** The rules that the variables make, on this machine. */
export const addressRules = (config: {
  LOSSI_FORWARD_ALLOW: string[];
  LOSSI_FORWARD_DENY: string[];
}): AddressRules => ({
  allow: config.LOSSI_FORWARD_ALLOW,
  deny: config.LOSSI_FORWARD_DENY,
  own: ownAddresses(),
});

import lossi from "../../package.json" with { type: "json" };

/** Of the lossi and the Node that answer. */
export const VERSIONS = { version: lossi.version, node: process.versions.node };

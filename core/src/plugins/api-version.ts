/** The version of the contracts that plugins are checked against; it rises with them, by the rules of semver. */
export const PLUGIN_API_VERSION = '1.0.0';

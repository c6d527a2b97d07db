/** The version of the plugin contracts. Plugins are checked against it; it follows semver. */
export const PLUGIN_API_VERSION = '1.0.0';

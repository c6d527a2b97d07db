/**
 * Takes out of XenAPI's published data model (xenapi.json, a list of classes) what the tests' emulator knows of it:
 *
 *     node scripts/take-xenapi-model.mjs xenapi.json > test/support/xapi/data-model.json
 */
import { readFileSync } from 'node:fs';

const MESSAGES = {
  session: ['login_with_password', 'logout'],
  event: ['from', 'inject'],
  pool: ['get_all_records', 'get_record'],
  host: ['get_all_records', 'get_record', 'get_servertime', 'get_by_uuid', 'get_by_name_label'],
  task: ['get_all_records', 'get_record', 'cancel'],
  VM: [
    'get_all_records',
    'get_record',
    'get_by_uuid',
    'get_by_name_label',
    'start',
    'start_on',
    'pause',
    'unpause',
    'clean_shutdown',
    'hard_shutdown',
    'suspend',
    'resume',
    'resume_on',
    'destroy',
  ],
  VIF: ['get_all_records', 'get_record'],
  VM_guest_metrics: ['get_record'],
};

/** Those that came later, and that may be left out. */
const OPTIONAL = new Set(['version', 'originator']);

const [, , file = 'xenapi.json'] = process.argv;
const all = JSON.parse(readFileSync(file, 'utf8'));

const classes = Object.fromEntries(
  Object.entries(MESSAGES).map(([name, wanted]) => {
    const { fields, enums, messages } = all.find((one) => one.name === name);
    return [
      name,
      {
        fields: Object.fromEntries(fields.map((field) => [field.name, field.type])),
        enums: Object.fromEntries(enums.map((one) => [one.name, one.values.map((value) => value.name)])),
        messages: Object.fromEntries(
          wanted.map((message) => {
            const { params, result, errors } = messages.find((one) => one.name === message);
            return [
              message,
              {
                params: params.map((one) => ({
                  name: one.name,
                  type: one.type,
                  ...(OPTIONAL.has(one.name) && { optional: true }),
                })),
                result: result[0],
                errors: errors.map((error) => error.name),
              },
            ];
          }),
        ),
      },
    ];
  }),
);
console.log(JSON.stringify({ source: "XenAPI's published data model", classes }, null, 2));

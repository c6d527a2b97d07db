/** A program that prints the body of the page that its argument names, and fails where there is none within 5 s. */
import { getPage } from '../guest/get-page.js';

const [, , url = ''] = process.argv;
try {
  process.stdout.write(await getPage(url));
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}

// page.mjs PAGE FOLDER CHROMIUM: see page.sh, which calls it.
import fs from 'fs';
import path from 'path';
import { pathToFileURL } from 'url';
import puppeteer from 'puppeteer-core';

const [page, folder, executablePath] = process.argv.slice(2);
const address = pathToFileURL(path.resolve(page)).href;
const axe = fs.readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const browser = await puppeteer.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
let wrong = 0;
for (const [name, width, value] of [
  ['wide', 1280, 'light'], ['dark', 1280, 'dark'], ['phone', 390, 'light'], ['phone-dark', 390, 'dark'],
]) {
  const tab = await browser.newPage();
  await tab.setViewport({ width, height: 800, isMobile: width < 500 });
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
  let requests = 0;
  tab.on('request', () => { requests += 1; });
  await tab.goto(address);
  await tab.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
  await tab.evaluate(axe);
  const found = await tab.evaluate(() => axe.run());
  console.log(`${name}: ${found.violations.length} violations, ${found.passes.length} rules passed, ${requests - 1} other requests, ${wide} of ${width} pixels`);
  for (const it of found.violations) console.log(`  ${it.id}: ${it.help}\n    ${it.nodes.map((node) => node.target).join('\n    ')}`);
  wrong += found.violations.length + requests - 1 + (wide > width);
  await tab.close();
}
for (const format of ['A4', 'Letter']) {
  const tab = await browser.newPage();
  await tab.goto(address);
  await tab.pdf({ path: `${folder}/${format}.pdf`, format });
}
await browser.close();
process.exit(wrong ? 1 : 0);

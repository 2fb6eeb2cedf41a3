import { defineConfig, devices } from '@playwright/test'

const launchOptions = {
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
}

export default defineConfig({
  testDir: 'specs',
  fullyParallel: true,
  workers: 2,
  // A retry hides a race, and races are what is tested here.
  retries: 0,
  forbidOnly: process.env['CI'] !== undefined,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  outputDir: 'test-results',
  use: { launchOptions, screenshot: 'only-on-failure', trace: 'off' },
  projects: [
    { name: 'desk', use: { viewport: { width: 1200, height: 800 } } },
    {
      name: 'phone in the dark',
      grep: /@phone/,
      use: { ...devices['Pixel 7'], viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
    },
  ],
})

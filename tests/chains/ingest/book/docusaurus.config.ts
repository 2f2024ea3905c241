import type {Config} from '@docusaurus/types';
import type * as Preset from '@docusaurus/preset-classic';
import remarkMath from 'remark-math';
import rehypeKatex from 'rehype-katex';

const organization = 'example';
const locales = ['en', 'fr', 'ur'];

const config: Config = {
  title: 'The Robot Handbook',
  url: `https://${organization}.github.io`,
  baseUrl: process.env.BASE_URL ?? '/handbook/',
  trailingSlash: true,
  onBrokenLinks: 'ignore',
  onBrokenAnchors: 'ignore',
  future: {v4: {removeLegacyPostBuildHeadAttribute: true}, faster: true},
  markdown: {hooks: {onBrokenMarkdownLinks: 'ignore', onBrokenMarkdownImages: 'ignore'}},
  themes: ['@docusaurus/theme-live-codeblock'],
  i18n: {
    defaultLocale: 'en',
    locales,
    localeConfigs: {fr: {label: 'Français'}, ur: {direction: 'rtl', htmlLang: 'ur-PK'}},
  },
  presets: [
    [
      'classic',
      {
        docs: {
          routeBasePath: '/',
          sidebarPath: './sidebars.ts',
          showLastUpdateTime: false,
          remarkPlugins: [remarkMath],
          rehypePlugins: [rehypeKatex],
          versions: {current: {label: 'Canary', path: 'canary'}},
        },
        blog: false,
        theme: {},
      } satisfies Preset.Options,
    ],
  ],
  plugins: [
    [
      '@docusaurus/plugin-content-docs',
      {id: 'community', path: 'community', routeBasePath: 'community', sidebarPath: require.resolve('./sidebarsCommunity.js')},
    ],
    ['content-docs', {id: 'api', path: 'api', routeBasePath: 'reference/api', sidebarPath: false}],
  ],
};

export default config;

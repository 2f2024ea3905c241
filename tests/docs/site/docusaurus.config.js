// The project's own docs folder as a site: every broken link and anchor fails the build.
export default {
  title: 'Docent',
  url: 'https://docs.example.com',
  baseUrl: '/',
  onBrokenLinks: 'throw',
  onBrokenAnchors: 'throw',
  onDuplicateRoutes: 'throw',
  future: {faster: true, v4: {removeLegacyPostBuildHeadAttribute: true}},
  markdown: {format: 'detect', hooks: {onBrokenMarkdownLinks: 'throw', onBrokenMarkdownImages: 'throw'}},
  presets: [['classic', {docs: {routeBasePath: '/', path: 'docs'}, blog: false, theme: {}}]],
};

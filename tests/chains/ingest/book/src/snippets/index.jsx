export {default as CommonInstall} from './_install.mdx';

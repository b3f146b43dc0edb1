// Standard rules; logical properties only, so that pages mirror in right-to-left languages.
export default {
  extends: ["stylelint-config-standard-scss"],
  rules: {
    "property-disallowed-list": [
      "/^(margin|padding|border)-(left|right|top|bottom)/",
      "left",
      "right",
      "top",
      "bottom",
      "width",
      "height",
      "/^(min|max)-(width|height)$/",
      "/^border-(top|bottom)-(left|right)-radius$/",
    ],
    "declaration-property-value-disallowed-list": { "text-align": ["left", "right"], float: ["left", "right"] },
    "selector-class-pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*(__[a-z0-9-]+)?(--[a-z0-9-]+)?$",
    "no-descending-specificity": null,
  },
};

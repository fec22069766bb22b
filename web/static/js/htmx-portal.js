// Binds htmx to this portal: its HTML passes a Trusted Types policy of its own (everything else that would write HTML is
// stopped by the content security policy), and its changes carry the session's token.

const policy = globalThis.trustedTypes?.createPolicy("htmx", { createHTML: (html) => html });

globalThis.htmx?.registerExtension("portal", {
  init(api) {
    if (policy) api.initSecurity(policy);
  },
  htmx_config_request(_element, { ctx }) {
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    if (token) ctx.request.headers["X-CSRF-Token"] = token;
  },
});

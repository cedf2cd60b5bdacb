"""Programs that use jaxdeconv as its users do; nothing in the package depends on them."""

"""Shell completion of overrides after `dcgan train`."""


def complete_override(incomplete: str) -> list[str]:
    """Return the overrides that begin with `incomplete`, such as "model=dcgan28".

    Returns an empty list on any error: pressing TAB must not print a traceback, and the function of
    Hydra that this calls is private.
    """
    try:
        import hydra
        from hydra._internal.core_plugins.bash_completion import BashCompletion
        from hydra.core.global_hydra import GlobalHydra

        from dcgan_cli.hydra_cli.compose import VERSION_BASE, conf_dir, own_hydra

        with (
            own_hydra(),
            hydra.initialize_config_dir(str(conf_dir()), version_base=VERSION_BASE),
        ):
            loader = GlobalHydra.instance().config_loader()
            return list(BashCompletion(loader)._query(config_name="train", line=incomplete))
    except Exception:
        return []
